module ecsguardrails

go 1.26
