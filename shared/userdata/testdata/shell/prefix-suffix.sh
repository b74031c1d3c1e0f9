#!/bin/bash
for opt in \
  "ECS_CLUSTER=multi" \
  "ECS_LOGLEVEL=warn"
do
  key=${opt%%=*}
  val=${opt#*=}
  sudo sh -c "echo $key=$val >> /etc/ecs/ecs.config"
done
