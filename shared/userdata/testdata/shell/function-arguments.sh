#!/bin/bash
function configure {
  local -r cluster=$1
  local level
  level=${2-warn}
  { echo "ECS_CLUSTER=$cluster"; echo "ECS_LOGLEVEL=$level"; } | sudo tee /etc/ecs/ecs.config
}
main() { configure "$@"; }
main fn1
