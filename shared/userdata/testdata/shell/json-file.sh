#!/bin/bash
cat <<'JSON' > /tmp/attrs.json
{"stack":"prod",
 "tier":"web"}
JSON
echo "ECS_CLUSTER=js" >> /etc/ecs/ecs.config
echo "ECS_INSTANCE_ATTRIBUTES=$(tr -d '\n' < /tmp/attrs.json)" >> /etc/ecs/ecs.config
