"""From a log and evidence to ranked causes. Pure: no boto3, no I/O, no clock of its own."""
