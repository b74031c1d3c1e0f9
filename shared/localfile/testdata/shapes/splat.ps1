<powershell>
# Joins the cluster.
$cluster = "shop-windows"
$parameters = @{
  Cluster           = $cluster
  EnableTaskIAMRole = $true
  LoggingDrivers    = '["json-file","awslogs"]'
}
Import-Module ECSTools
[System.Environment]::SetEnvironmentVariable('ECS_IMAGE_PULL_BEHAVIOR', 'prefer-cached', [System.EnvironmentVariableTarget]::Machine)
Initialize-ECSAgent @parameters
</powershell>
<persist>true</persist>
