#!/bin/bash
sed -e 's/@CLUSTER@/search/' -e "s|@DRIVERS@|[\"awslogs\"]|" <<'EOF' > /etc/ecs/ecs.config
ECS_CLUSTER=@CLUSTER@
ECS_AVAILABLE_LOGGING_DRIVERS=@DRIVERS@
EOF
