#!/bin/bash
cat <<EOF | sudo tee /etc/ecs/ecs.config
ECS_CLUSTER=pt
ECS_CHECKPOINT=true
EOF
