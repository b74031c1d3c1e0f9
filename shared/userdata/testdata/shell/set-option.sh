#!/bin/bash
set_option() {
  key="$1"; value="$2"; file=/etc/ecs/ecs.config
  touch $file
  if grep -q "^${key}=" "$file"; then
    sed -i "s|^${key}=.*|${key}=${value}|" "$file"
  else
    echo "${key}=${value}" >> "$file"
  fi
}
set_option ECS_CLUSTER one
set_option ECS_CLUSTER two
set_option ECS_LOGLEVEL warn
