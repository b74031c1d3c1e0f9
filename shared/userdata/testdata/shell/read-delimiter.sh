#!/bin/bash
read -r -d '' SETTINGS <<'E'
ECS_CLUSTER=a
ECS_LOGLEVEL=warn
E
echo "$SETTINGS" > /etc/ecs/ecs.config
IFS= read -r -d ';' FIRST <<< 'ECS_B=b;ECS_C=c'
echo "$FIRST" >> /etc/ecs/ecs.config
