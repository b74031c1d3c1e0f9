#!/bin/bash
cat > /tmp/env <<'E'
CLUSTER=prod
LEVEL='in fo'
E
set -a
. /tmp/env
set +a
OTHER=1
bash -c 'echo ECS_CLUSTER=$CLUSTER; echo L=$LEVEL; echo O=$OTHER' > /etc/ecs/ecs.config
