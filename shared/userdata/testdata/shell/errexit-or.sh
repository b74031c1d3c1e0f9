#!/bin/bash
set -euo pipefail
echo ECS_CLUSTER=a > /etc/ecs/ecs.config
false || true
if false; then :; fi
echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config
