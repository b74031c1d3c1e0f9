#!/bin/bash
if ! command -v docker >/dev/null 2>&1; then
  yum install -y docker
fi
echo "ECS_CLUSTER=cv" > /etc/ecs/ecs.config || { echo failed; exit 1; }
