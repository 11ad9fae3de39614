// Drains an SQS queue of logins into PostgreSQL: CONCURRENCY receivers, batches gathered over all of them, one insert for
// each batch, deletes in tens once it has committed. What is not deleted comes back by itself when its visibility
// timeout is over.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	emptyFor    = 2 * time.Second
	deleteTries = 3
	inserters   = 2 // one gathers while the other waits for its commit
)

// answer is what one receive brought.
type answer struct {
	rows    []row
	handles []*string
}

type worker struct {
	client      *sqs.Client
	pool        *pgxpool.Pool
	queueURL    string
	batchRows   int
	concurrency int
	drain       bool
	lastMessage atomic.Int64 // nanoseconds
	answers     chan answer
	deletes     chan []*string
}

func number(name string, otherwise int) int {
	text, given := os.LookupEnv(name)
	if !given {
		return otherwise
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		log.Fatalf("%s must be a positive number", name)
	}
	return value
}

func newWorker(ctx context.Context) (*worker, error) {
	w := &worker{
		queueURL:    os.Getenv("QUEUE_URL"),
		batchRows:   number("BATCH_ROWS", 1000),
		concurrency: number("CONCURRENCY", 8),
		drain:       os.Getenv("BENCH_DRAIN") == "1",
	}
	// The default keeps ten idle connections for a host, and opens and closes the others for each request.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = 4 * w.concurrency
		t.MaxIdleConnsPerHost = 4 * w.concurrency
	})
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client))
	if err != nil {
		return nil, err
	}
	w.client = sqs.NewFromConfig(loaded)
	w.pool, err = pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	w.answers = make(chan answer, w.concurrency)
	w.deletes = make(chan []*string, w.concurrency)
	w.lastMessage.Store(time.Now().UnixNano())
	return w, err
}

func (w *worker) drained() bool {
	return w.drain && time.Since(time.Unix(0, w.lastMessage.Load())) >= emptyFor
}

func (w *worker) receive(ctx context.Context) {
	input := &sqs.ReceiveMessageInput{
		QueueUrl:                    &w.queueURL,
		MaxNumberOfMessages:         10,
		WaitTimeSeconds:             20,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	}
	if w.drain {
		input.WaitTimeSeconds = 1
	}
	for ctx.Err() == nil && !w.drained() {
		output, err := w.client.ReceiveMessage(ctx, input)
		if err != nil {
			if ctx.Err() == nil {
				log.Printf("receive: %v", err)
				time.Sleep(time.Second)
			}
			continue
		}
		if len(output.Messages) > 0 {
			w.lastMessage.Store(time.Now().UnixNano())
			w.answers <- decode(output.Messages)
		}
	}
}

// decode leaves out what cannot become a row: the queue's redrive policy takes care of it.
func decode(messages []types.Message) answer {
	a := answer{make([]row, 0, len(messages)), make([]*string, 0, len(messages))}
	for i := range messages {
		made, err := rowOf(&messages[i])
		if err != nil {
			log.Printf("message %s: %v", *messages[i].MessageId, err)
			continue
		}
		a.rows = append(a.rows, made)
		a.handles = append(a.handles, messages[i].ReceiptHandle)
	}
	return a
}

// gather waits for an answer and takes what else is there: batches grow by themselves while the database is busy.
func (w *worker) gather() (*batch, bool) {
	first, open := <-w.answers
	if !open {
		return nil, false
	}
	b := &batch{}
	b.add(first.rows, first.handles)
	for len(b.userIDs)+10 <= w.batchRows {
		select {
		case next, open := <-w.answers:
			if !open {
				return b, true
			}
			b.add(next.rows, next.handles)
		default:
			return b, true
		}
	}
	return b, true
}

func (w *worker) insert(ctx context.Context) {
	for {
		b, open := w.gather()
		if !open {
			return
		}
		if len(b.userIDs) == 0 {
			continue
		}
		if err := store(ctx, w.pool, b); err != nil {
			logDatabase(err)
			time.Sleep(time.Second)
			continue
		}
		for start := 0; start < len(b.handles); start += 10 {
			w.deletes <- b.handles[start:min(start+10, len(b.handles))]
		}
	}
}

// logDatabase: a server's text may quote a row, so only its SQLSTATE is logged.
func logDatabase(err error) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		log.Printf("insert: SQLSTATE %s", refused.Code)
	} else {
		log.Printf("insert: %v", err)
	}
}

func (w *worker) delete(ctx context.Context) {
	for handles := range w.deletes {
		if err := w.deleteTen(ctx, handles); err != nil {
			log.Printf("delete: %v", err)
		}
	}
}

func (w *worker) deleteTen(ctx context.Context, handles []*string) error {
	for range deleteTries {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(handles))
		for i, handle := range handles {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: handle}
		}
		output, err := w.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &w.queueURL, Entries: entries})
		if err != nil {
			return err
		}
		again := []*string{}
		for _, failed := range output.Failed {
			if i, err := strconv.Atoi(*failed.Id); err == nil && !failed.SenderFault {
				again = append(again, handles[i])
			}
		}
		if len(again) == 0 {
			return nil
		}
		handles = again
	}
	return errors.New("some messages could not be deleted and will come again")
}

// start runs n of them; the function it returns waits for their end.
func start(n int, run func()) func() {
	var group sync.WaitGroup
	for range n {
		group.Go(run)
	}
	return group.Wait
}

func main() {
	background := context.Background()
	stopped, cancel := signal.NotifyContext(background, syscall.SIGTERM, os.Interrupt)
	defer cancel()
	w, err := newWorker(stopped)
	if err != nil {
		log.Fatal(err)
	}
	deleters := start(w.concurrency, func() { w.delete(background) })
	inserting := start(inserters, func() { w.insert(background) })
	start(w.concurrency, func() { w.receive(stopped) })()
	close(w.answers)
	inserting()
	close(w.deletes)
	deleters()
	w.pool.Close()
}
