#!/bin/bash
while IFS= read -r line; do
  [[ $line =~ ^# ]] && continue
  [ -z "$line" ] && continue
  echo "$line"
done < <(printf '# c\n\nECS_CLUSTER=ps\nECS_LOGLEVEL=warn\n') >> /etc/ecs/ecs.config
