module "ecs" {
  source = "terraform-aws-modules/autoscaling/aws"
  user_data = base64encode(local.user_data)
}
locals {
  name = "ex-${basename(path.cwd)}"
  user_data = <<-EOT
    #!/bin/bash

    cat <<'EOF' >> /etc/ecs/ecs.config
    ECS_CLUSTER=${local.name}
    ECS_LOGLEVEL=debug
    ECS_CONTAINER_INSTANCE_TAGS=${jsonencode(local.tags)}
    ECS_ENABLE_TASK_IAM_ROLE=true
    EOF
  EOT
}
