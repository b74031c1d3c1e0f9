#!/bin/bash
cat <<EOF > /etc/ecs/ecs.config
ECS_CLUSTER=a\
b
ECS_X='1' \\
ECS_Y=\$Z
EOF
