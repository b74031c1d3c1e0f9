#!/bin/bash
cat >> /etc/ecs/ecs.config <<EOF
export ECS_CLUSTER=exported
EOF
