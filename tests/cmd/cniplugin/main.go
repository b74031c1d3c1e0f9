// Command cniplugin plays the agent's CNI plugins: it tells the one capability
// that the agent asks for.
package main

import "fmt"

func main() { fmt.Println(`{"capabilities":["awsvpc-network-mode"]}`) }
