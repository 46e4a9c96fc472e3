"""`medic snapshot` and `medic compare`: save and compare the settings of branches that matter for IAM failures."""
