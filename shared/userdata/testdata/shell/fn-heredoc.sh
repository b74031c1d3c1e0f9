#!/bin/bash
write_config() {
  local cluster=$1 level=${2:-info}
  cat <<CFG
ECS_CLUSTER=${cluster}
ECS_LOGLEVEL=${level}
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1h
CFG
}
write_config "api-$(printf '%s' stage)" > /etc/ecs/ecs.config
