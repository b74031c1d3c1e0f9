#!/bin/bash -xe
exec > >(tee /var/log/user-data.log | logger -t user-data -s 2>/dev/console) 2>&1
CONF=/etc/ecs/ecs.config
CLUSTER="web-$(echo prod | tr a-z A-Z)"
{
  echo "ECS_CLUSTER=${CLUSTER,,}"
  echo ECS_ENABLE_TASK_IAM_ROLE=true
  echo ECS_AVAILABLE_LOGGING_DRIVERS='["json-file","awslogs"]'
} >> "$CONF"
