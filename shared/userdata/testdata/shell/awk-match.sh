#!/bin/bash
awk -F= '{print $1}' <<< "zz=yy" >/dev/null
C=$(awk -F: '/^c/ {print $2}' <<< "a:1
c:aw")
echo "ECS_CLUSTER=$C" >> /etc/ecs/ecs.config
