using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorAuth.Core.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class DialectsAndKeys : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "Description",
                table: "Sessions",
                type: "TEXT",
                maxLength: 200,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Dialect",
                table: "Sessions",
                type: "TEXT",
                maxLength: 40,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Scopes",
                table: "Sessions",
                type: "TEXT",
                maxLength: 1000,
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "Description",
                table: "Sessions");

            migrationBuilder.DropColumn(
                name: "Dialect",
                table: "Sessions");

            migrationBuilder.DropColumn(
                name: "Scopes",
                table: "Sessions");
        }
    }
}
