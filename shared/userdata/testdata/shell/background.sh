#!/bin/bash
{ echo ECS_CLUSTER=bg; sleep 0; echo ECS_LOGLEVEL=warn; } >> /etc/ecs/ecs.config &
wait
