#!/bin/bash
vars=(ECS_CLUSTER=arr ECS_LOGLEVEL=warn)
vars+=("ECS_INSTANCE_ATTRIBUTES={\"k\":\"v v\"}")
printf '%s\n' "${vars[@]}" > /etc/ecs/ecs.config
echo "# ${#vars[@]} ${vars[0]} ${vars[-1]}" > /tmp/x
