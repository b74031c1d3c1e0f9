#!/bin/bash
T='# comment
ECS_CLUSTER=re
bogus
ECS_LOGLEVEL=warn'
while read -r l; do
  if [[ "$l" =~ ^([A-Z_]+)=(.*)$ ]]; then
    echo "${BASH_REMATCH[1]}=${BASH_REMATCH[2]}" >> /etc/ecs/ecs.config
  fi
done <<< "$T"
