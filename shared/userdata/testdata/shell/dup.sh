#!/bin/bash
echo ECS_CLUSTER=first >> /etc/ecs/ecs.config
cat >> /etc/ecs/ecs.config <<'EOF'
ECS_CLUSTER=second
EOF
