"""`medic snapshot` and `medic compare`: the state of branches, in all that matters to IAM failures."""
