#!/bin/sh
set -e
# ECS_CLUSTER=unused
CLUSTER=$(grep 'ECS_CLUSTER=' /etc/ecs/ecs.config | cut -d '=' -f 2)
ARN=$(aws ecs list-container-instances --cluster "$CLUSTER" | jq -r '.containerInstanceArns[0]')
aws ecs update-container-instances-state --cluster "$CLUSTER" --container-instances "$ARN" --status DRAINING
