"""`medic doctor --live`: plays failures in a scratch app, measures what AWS does not document, undoes everything."""
