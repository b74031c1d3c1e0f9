#!/bin/bash
printf 'a\\tb c\n' > /tmp/x
read X Y < /tmp/x
echo "ECS_A=$X ECS_B=$Y" > /etc/ecs/ecs.config
