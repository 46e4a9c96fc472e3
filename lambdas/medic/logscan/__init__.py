"""What a log says: read it, recognise failures, parse denials. Pure: no AWS, no clock."""
