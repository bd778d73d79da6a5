//! One statement for a bureau's database, in the dialect of either server. Every value read is cast to text there, so
//! that a number, a date or a yes/no reaches the row checks as the text a file would have held, whatever its type.

/// The server's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

/// A value sent with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(Option<String>),
    Whole(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }
}

impl From<i64> for Value {
    fn from(whole: i64) -> Value {
        Value::Whole(Some(whole))
    }
}

impl From<i32> for Value {
    fn from(whole: i32) -> Value {
        Value::Whole(Some(i64::from(whole)))
    }
}

/// A text that may be missing: an empty one is.
pub fn or_null(text: &str) -> Value {
    Value::Text((!text.is_empty()).then(|| text.to_owned()))
}

/// A statement under writing.
#[derive(Clone, Debug)]
pub struct Sql {
    dialect: Dialect,
    pub text: String,
    pub values: Vec<Value>,
}

impl Sql {
    pub fn new(dialect: Dialect, text: &str) -> Sql {
        Sql { dialect, text: text.to_owned(), values: Vec::new() }
    }

    pub fn add(mut self, text: &str) -> Sql {
        self.text.push_str(text);
        self
    }

    /// A place with its value.
    pub fn value(mut self, value: impl Into<Value>) -> Sql {
        self.values.push(value.into());
        match self.dialect {
            Dialect::Postgres => self.text.push_str(&format!("${}", self.values.len())),
            Dialect::MySql => self.text.push('?'),
        }
        self
    }

    /// A name out of the server's own catalogue, quoted.
    pub fn name(mut self, name: &str) -> Sql {
        self.text.push_str(&quoted(self.dialect, name));
        self
    }

    /// That a column holds this very text. The plain comparison finds it by an index; on MySQL it may find others too,
    /// since the column's collation decides, so a second one asks for each letter.
    pub fn same(self, column: &str, text: &str) -> Sql {
        let sql = self.add(&format!("{column} = ")).value(text);
        match sql.dialect {
            Dialect::Postgres => sql,
            Dialect::MySql => sql
                .add(&format!(" and cast(convert({column} using utf8mb4) as binary) = cast("))
                .value(text)
                .add(" as binary)"),
        }
    }

    /// A column as text, cut to `longest` characters there, so that no value can fill this process's memory.
    pub fn text_of(self, column: &str, longest: usize) -> Sql {
        let column = quoted(self.dialect, column);
        let cast = cast(self.dialect, &column);
        self.add(&format!("left({cast}, {longest})"))
    }

    /// A calendar date from its text.
    pub fn date(self, date: &str) -> Sql {
        self.add("cast(").value(or_null(date)).add(" as date)")
    }

    /// A time of day from its text.
    pub fn time(self, time: &str) -> Sql {
        let kind = if self.dialect == Dialect::Postgres { "timestamp" } else { "datetime" };
        self.add("cast(").value(or_null(time)).add(&format!(" as {kind})"))
    }
}

/// An expression as text.
pub fn cast(dialect: Dialect, expression: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("cast({expression} as text)"),
        Dialect::MySql => format!("cast({expression} as char)"),
    }
}

fn quoted(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        Dialect::MySql => format!("`{}`", name.replace('`', "``")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_itself_whatever_the_collation() {
        let same = |dialect| Sql::new(dialect, "").same("no", "b1");
        assert_eq!(same(Dialect::Postgres).text, "no = $1");
        let mysql = same(Dialect::MySql);
        assert_eq!(mysql.text, "no = ? and cast(convert(no using utf8mb4) as binary) = cast(? as binary)");
        assert_eq!(mysql.values.len(), 2);
    }

    #[test]
    fn the_same_statement_is_written_for_both_servers() {
        let write = |dialect| {
            let sql = Sql::new(dialect, "select ").text_of("学费\"`?", 9).add(" from t where a = ").value("x");
            sql.add(" and b > ").value(3_i64)
        };
        let postgres = write(Dialect::Postgres);
        assert_eq!(postgres.text, "select left(cast(\"学费\"\"`?\" as text), 9) from t where a = $1 and b > $2");
        let mysql = write(Dialect::MySql);
        assert_eq!(mysql.text, "select left(cast(`学费\"``?` as char), 9) from t where a = ? and b > ?");
        assert_eq!(postgres.values, mysql.values);
    }
}
