// Bento with the components that bento.yaml names, and the driver for PostgreSQL alone: the whole of Bento, with every
// cloud's and database's client, takes several times as long to build.
package main

import (
	"context"

	_ "github.com/lib/pq"
	_ "github.com/warpstreamlabs/bento/public/components/aws"
	_ "github.com/warpstreamlabs/bento/public/components/pure"
	_ "github.com/warpstreamlabs/bento/public/components/sql/base"
	"github.com/warpstreamlabs/bento/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
