<powershell>
$ErrorActionPreference = 'Stop'
function Set-Agent([string]$Name, [string]$Value) {
  [Environment]::SetEnvironmentVariable($Name, $Value, "Machine")
}
Set-Agent "ECS_LOGLEVEL" "debug"
Set-Agent -Name ECS_CONTAINER_STOP_TIMEOUT -Value 45s
Initialize-ECSAgent -Cluster fn
</powershell>