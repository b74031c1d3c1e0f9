#!/bin/bash
ENVIRONMENT=staging
case "$ENVIRONMENT" in
  prod*|live) CLUSTER=prod ;;
  stag*) CLUSTER=stage-1 ;;
  *) CLUSTER=dev ;;
esac
echo "ECS_CLUSTER=$CLUSTER" >> /etc/ecs/ecs.config
