#!/bin/bash
set -euo pipefail
ENVIRONMENT=staging
readonly REGION="eu-west-1"
export CLUSTER_NAME="shop-${ENVIRONMENT}"
CONFIG=/etc/ecs/ecs.config
{
  echo "ECS_CLUSTER=${CLUSTER_NAME}"
  echo "AWS_DEFAULT_REGION=$REGION"
  echo "ECS_RESERVED_MEMORY=${RESERVED:-256}"
} >> "$CONFIG"
