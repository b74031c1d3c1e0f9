#!/bin/bash
if [ "x" == "x" -a -n "y" ]; then echo ECS_CLUSTER=and; fi >> /etc/ecs/ecs.config
