#!/bin/bash
set -u
args=(--cluster web --level warn)
while [[ ${#args[@]} -gt 0 ]]; do
  case ${args[0]} in
    --cluster) CLUSTER=${args[1]} ;;
    --level) LEVEL=${args[1]} ;;
  esac
  args=("${args[@]:2}")
done
echo ECS_CLUSTER=$CLUSTER >> /etc/ecs/ecs.config
echo ECS_LOGLEVEL=$LEVEL >> /etc/ecs/ecs.config
