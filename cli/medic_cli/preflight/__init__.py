"""`medic preflight`: what a template, a `cdk.out` folder or a Terraform plan will break once it is deployed."""
