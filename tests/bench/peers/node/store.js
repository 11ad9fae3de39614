// Rows into PostgreSQL. While a statement is under way, the rows of all consumers gather for the next one.
import pg from 'pg';

const INSERT = {
  name: 'insert_logins',
  text: `INSERT INTO user_logins
    (user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::date[])`,
};
const COLUMNS = 7;

export class Store {
  /** connections: the most statements under way at once. */
  constructor(url, batchRows, connections = 2) {
    this.pool = new pg.Pool({ connectionString: url, max: connections });
    this.pool.on('error', (error) => console.error('database: an idle connection was lost:', error.code ?? error.name));
    this.batchRows = batchRows;
    this.idle = connections;
    this.waiting = [];
  }

  /** Resolves when the rows are committed; rejects when they are not or nobody knows. */
  add(rows) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ rows, resolve, reject });
      this.#flush();
    });
  }

  #flush() {
    if (this.idle === 0 || this.waiting.length === 0) return;
    let count = 0;
    let taken = 0;
    do count += this.waiting[taken++].rows.length;
    while (taken < this.waiting.length && count + this.waiting[taken].rows.length <= this.batchRows);
    this.#insert(this.waiting.splice(0, taken));
  }

  async #insert(parts) {
    this.idle--;
    try {
      const columns = Array.from({ length: COLUMNS }, (_, i) => parts.flatMap(({ rows }) => rows.map((row) => row[i])));
      await this.pool.query({ ...INSERT, values: columns });
      for (const { resolve } of parts) resolve();
    } catch (error) {
      for (const { reject } of parts) reject(error);
    } finally {
      this.idle++;
      this.#flush();
    }
  }

  end() {
    return this.pool.end();
  }
}
