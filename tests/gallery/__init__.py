"""Sample alerts of every kind about one invented app, for the golden files and docs/gallery.md."""
