#!/bin/bash
OUT=$(printf 'ECS_CLUSTER=%s' sub); echo "${OUT}" >>/etc/ecs/ecs.config
echo "$(echo ECS_LOGLEVEL=warn)" >>/etc/ecs/ecs.config
