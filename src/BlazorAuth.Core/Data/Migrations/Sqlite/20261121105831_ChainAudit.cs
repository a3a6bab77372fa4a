using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorAuth.Core.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class ChainAudit : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // The table's own numbering stays and is not used: without it the table would be built anew, which no transaction covers.
            migrationBuilder.AddColumn<byte[]>(
                name: "Mac",
                table: "AuditEntries",
                type: "BLOB",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "AuditHead",
                columns: table => new
                {
                    Id = table.Column<int>(type: "INTEGER", nullable: false),
                    Before = table.Column<long>(type: "INTEGER", nullable: false),
                    Count = table.Column<long>(type: "INTEGER", nullable: false),
                    Mac = table.Column<byte[]>(type: "BLOB", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_AuditHead", x => x.Id);
                });

            migrationBuilder.Sql("INSERT INTO \"AuditHead\" (\"Id\", \"Before\", \"Count\", \"Mac\") SELECT 1, COALESCE(MAX(\"Id\"), 0), COALESCE(MAX(\"Id\"), 0), x'' FROM \"AuditEntries\";");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "AuditHead");

            migrationBuilder.DropColumn(
                name: "Mac",
                table: "AuditEntries");
        }
    }
}
