// Command diagnose-failure says why a task or an instance failed, and has it cured.
package main

import (
	"os"

	"ecsguardrails/shared/diagnosis"
)

func main() {
	os.Exit(diagnosis.ReasonText(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
