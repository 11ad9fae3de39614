package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const insert = `INSERT INTO user_logins
	(user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::date[])`

// batch is rows by column, as unnest wants them, and the receipt handles of their messages.
type batch struct {
	userIDs         []string
	deviceTypes     []*string
	maskedIPs       []*string
	maskedDeviceIDs []*string
	locales         []*string
	appVersions     []*int32
	createDates     []time.Time
	handles         []*string
}

func (b *batch) add(rows []row, handles []*string) {
	for i := range rows {
		b.userIDs = append(b.userIDs, rows[i].userID)
		b.deviceTypes = append(b.deviceTypes, rows[i].deviceType)
		b.maskedIPs = append(b.maskedIPs, rows[i].maskedIP)
		b.maskedDeviceIDs = append(b.maskedDeviceIDs, rows[i].maskedDeviceID)
		b.locales = append(b.locales, rows[i].locale)
		b.appVersions = append(b.appVersions, rows[i].appVersion)
		b.createDates = append(b.createDates, rows[i].createDate)
	}
	b.handles = append(b.handles, handles...)
}

// store inserts a batch in a transaction of its own. After an error nobody knows whether it was committed.
func store(ctx context.Context, pool *pgxpool.Pool, b *batch) error {
	_, err := pool.Exec(ctx, insert, b.userIDs, b.deviceTypes, b.maskedIPs, b.maskedDeviceIDs, b.locales,
		b.appVersions, b.createDates)
	return err
}
