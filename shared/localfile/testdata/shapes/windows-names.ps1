<powershell>
$name = "svc"; $env:STAGE = "qa"
$cluster = "$name-$($env:STAGE)"
$cluster2 = "{0}-{1}" -f $name, "x"
[System.Environment]::SetEnvironmentVariable("ECS_CLUSTER", "${name}-$env:STAGE", [EnvironmentVariableTarget]::Machine)
[System.Environment]::SetEnvironmentVariable("ECS_INSTANCE_ATTRIBUTES", "{`"stack`":`"$name`"}", "Machine")
Start-Service AmazonECS
</powershell>