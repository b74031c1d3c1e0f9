#!/bin/bash
CLUSTER_NAME="${CLUSTER_NAME:-fallback}"
: "${LEVEL:=warn}"
echo "ECS_CLUSTER=$CLUSTER_NAME" >> /etc/ecs/ecs.config
echo "ECS_LOGLEVEL=$LEVEL" >> /etc/ecs/ecs.config
