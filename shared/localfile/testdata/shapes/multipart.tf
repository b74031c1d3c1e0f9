resource "aws_batch_compute_environment" "b" {}
resource "aws_launch_template" "lt" {
  user_data = base64encode(<<EOF
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==MYBOUNDARY=="

--==MYBOUNDARY==
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo ECS_IMAGE_PULL_BEHAVIOR=once >> /etc/ecs/ecs.config
echo ECS_CLUSTER=mimetf >> /etc/ecs/ecs.config

--==MYBOUNDARY==--
EOF
  )
}
