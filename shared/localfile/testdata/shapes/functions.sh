#!/bin/bash
set_option() {
  local name=$1 value=$2
  echo "${name}=${value}" >> /etc/ecs/ecs.config
}
set_option ECS_CLUSTER shop
for option in ECS_ENABLE_TASK_IAM_ROLE ECS_ENABLE_TASK_ENI; do
  set_option "$option" true
done
case "${MODE:-spot}" in
  spot) set_option ECS_ENABLE_SPOT_INSTANCE_DRAINING true ;;
  *)    set_option ECS_ENABLE_SPOT_INSTANCE_DRAINING false ;;
esac
