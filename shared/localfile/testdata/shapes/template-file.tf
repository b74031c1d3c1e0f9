data "template_file" "ecs" {
  template = <<EOF
#!/bin/bash
echo ECS_CLUSTER=$${cluster} >> /etc/ecs/ecs.config
EOF
  vars = {
    cluster = "shop"
  }
}

resource "aws_launch_configuration" "ecs" {
  user_data = data.template_file.ecs.rendered
}
