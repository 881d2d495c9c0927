// Command build makes sure that the programs of a test cluster are in the cache.
package main

import (
	"context"
	"fmt"
	"os"

	"tidings/e2e/cluster"
)

func main() {
	dir, err := cluster.Binaries(context.Background(), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(dir)
}
