#!/bin/bash
echo "ECS_CLUSTER=cmt" >> /etc/ecs/ecs.config  # the cluster
   echo   ECS_LOGLEVEL=warn   >>   /etc/ecs/ecs.config
