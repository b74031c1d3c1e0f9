#!/bin/bash
exec 3>>/etc/ecs/ecs.config
echo ECS_CLUSTER=fd3 >&3
echo ECS_LOGLEVEL=warn >&3
exec 3>&-
